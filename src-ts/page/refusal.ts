/** A page or request that is refused, with the HTTP status that says so. */
export class Refusal extends Error {
  readonly statusCode: number;
  readonly code: string;
  /** Whether and when it may be tried again, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(statusCode: number, code: string, message: string, retryAfter?: number, options?: ErrorOptions) {
    super(message, options);
    this.statusCode = statusCode;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}
