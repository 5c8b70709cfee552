import { GuestError } from './errors.js';

/** Why an extraction failed. */
export interface ExtractionFailure {
  /**
   * - `invalid-html`: the input is no page: empty, white space only, or binary data
   * - `parse-error`: the page could not be parsed
   * - `resource-limit`: the page is too large, too deep or has too many nodes
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
    const payload = error.payload as ExtractionFailure;
    return new ExtractionError(error.code, `${payload.tag}: ${payload.val}`, error.details, undefined, payload);
  }
}
