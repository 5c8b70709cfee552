import { type ErrorDetails, GuestError } from './errors.js';

/** Why an extraction failed. */
export interface ExtractionFailure {
  /**
   * - `invalid-html`: the input is no page: empty, white space only, or binary data
   * - `parse-error`: the page could not be parsed
   * - `resource-limit`: the page is too large or has too many nodes
   * - `extractor-error`: the page was parsed, and its content could not be extracted
   * - `internal-error`: a fault of the extractor
   * - `unsupported-mode`: the mode cannot be used as given: no selector, or one that is not CSS
   */
  readonly tag:
    | 'invalid-html'
    | 'parse-error'
    | 'resource-limit'
    | 'extractor-error'
    | 'internal-error'
    | 'unsupported-mode';
  /** The failure as a sentence for a person. */
  readonly val: string;
}

/** `ERR_GUEST` from the extractor: `payload.tag` says which failure it is. */
export class ExtractionError extends GuestError<ExtractionFailure> {
  static {
    Object.defineProperty(ExtractionError.prototype, 'name', {
      value: 'ExtractionError',
      configurable: true,
      writable: true,
    });
  }

  /** @internal */
  static from(error: GuestError): ExtractionError {
    return ExtractionError.of(error.payload as ExtractionFailure, error.details);
  }

  /** @internal */
  static of(payload: ExtractionFailure, details: ErrorDetails = {}): ExtractionError {
    return new ExtractionError('ERR_GUEST', `${payload.tag}: ${payload.val}`, details, undefined, payload);
  }
}
