// The trivial export, as a piscina worker has it.
export default ([a, b]) => (a + b) | 0;
