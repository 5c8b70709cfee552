// Keeps changes that are no leak out of resident memory. Free memory goes back to the system at once, not some time later;
// and memory comes in pages of 4 KiB, for a huge page counts as a whole as soon as a byte of it is used. `npm run soak`
// fixes the size of V8's young generation for the same reason. Each of the three moves resident memory by megabytes up
// and down, which looks like up to 10 KB in 1,000 calls over half a million.
process.env.MIMALLOC_PURGE_DELAY = '0';
process.env.MIMALLOC_ALLOW_THP = '0';
