/** Of this package; `package.json` has the same, which a bundle is without. */
export const VERSION = '0.1.0';
