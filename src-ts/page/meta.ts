import { declaredEncodingOf } from './encoding.js';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const FORM_FEED = 0x0c;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const BANG = 0x21;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const DASH = 0x2d;
const SLASH = 0x2f;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const QUESTION = 0x3f;

/** Elements whose content is text, not tags. */
const RAW_TEXT: ReadonlySet<string> = new Set([
  'iframe',
  'noembed',
  'noframes',
  'script',
  'style',
  'textarea',
  'title',
  'xmp',
]);
/** What a `meta` declares its encoding with. */
const ATTRIBUTES: ReadonlySet<string> = new Set(['charset', 'content', 'http-equiv']);

/**
 * After so many labels that Node does not know no further `meta` counts: Node throws for each, which takes microseconds,
 * and a page has room for hundreds of thousands.
 */
const MAX_UNKNOWN_LABELS = 64;

/** No tag and no attribute that matters has a shorter or longer name. */
const SHORTEST_NAME = 'xmp'.length;
const LONGEST_NAME = 'http-equiv'.length;

/** The states of the standard's tokenizer, as far as finding `meta` elements needs them. */
type State =
  | 'data'
  | 'rawText'
  | 'scriptData'
  | 'tagOpen'
  | 'endTagOpen'
  | 'tagName'
  | 'beforeAttributeName'
  | 'attributeName'
  | 'afterAttributeName'
  | 'beforeAttributeValue'
  | 'attributeValue'
  | 'unquotedAttributeValue'
  | 'markupDeclaration'
  | 'comment'
  | 'bogusComment';

/**
 * Finds the character set that a page declares in a `meta` element: the first that names one, wherever it stands, as the
 * HTML standard's parser would meet it (13.2.6.4.4). Where the parser tells foreign content, `select` and `frameset` from
 * the rest of a page, this does not.
 */
export class MetaScanner {
  /** What was found. */
  encoding: string | undefined;

  readonly #page: Buffer;
  /** Whether elements of raw text have none of the tags in them; the standard's prescan does not know. */
  readonly #skipsRawText: boolean;
  #at = 0;
  #state: State = 'data';
  /** Where the name, value or comment that is being read begins. */
  #start = 0;
  #isEndTag = false;
  #tag = '';
  #attribute = '';
  /** Of a `meta`. */
  readonly #attributes = new Map<string, string>();
  #quote = DOUBLE_QUOTE;
  /** What ends the raw text, behind its `<`. */
  #rawTextEnd = '';
  /** Inside of `<!--` in a script, and inside of another `<script` there, where `</script>` is no end. */
  #escapes = 0;
  #unknownLabels = 0;

  constructor(page: Buffer, skipsRawText: boolean) {
    this.#page = page;
    this.#skipsRawText = skipsRawText;
  }

  /** Whether there is more to scan. */
  get unfinished(): boolean {
    return this.#at < this.#page.length && this.encoding === undefined;
  }

  /** Scans on for about this many bytes. */
  scan(bytes: number): void {
    const end = this.#at + bytes;
    while (this.#at < end && this.unfinished) this.#step();
  }

  /** One byte, or all up to the next that matters. */
  #step(): void {
    const byte = this.#page[this.#at] as number;
    switch (this.#state) {
      case 'data':
        if (this.#skipTo(LESS)) this.#state = 'tagOpen';
        return;
      case 'rawText':
        if (this.#skipTo(LESS) && this.#isTag(this.#rawTextEnd)) this.#beginTag(1, true);
        return;
      case 'scriptData':
        this.#scriptData(byte);
        return;
      case 'tagOpen':
        if (byte === BANG) this.#state = 'markupDeclaration';
        else if (byte === SLASH) this.#state = 'endTagOpen';
        else if (byte === QUESTION) this.#state = 'bogusComment';
        else {
          if (isLetter(byte)) this.#beginTag(0, false);
          else this.#state = 'data';
          return;
        }
        break;
      case 'endTagOpen':
        if (isLetter(byte)) this.#beginTag(0, true);
        else this.#state = 'bogusComment';
        return;
      case 'markupDeclaration':
        if (byte !== DASH || this.#page[this.#at + 1] !== DASH) {
          this.#state = 'bogusComment';
          return;
        }
        this.#at += 2;
        this.#start = this.#at;
        this.#state = 'comment';
        return;
      case 'comment':
        if (this.#skipTo(GREATER) && this.#closesComment()) this.#state = 'data';
        return;
      case 'bogusComment':
        if (this.#skipTo(GREATER)) this.#state = 'data';
        return;
      case 'tagName':
        if (!isSpace(byte) && byte !== SLASH && byte !== GREATER) break;
        this.#tag = this.#isEndTag ? '' : this.#name();
        if (byte === GREATER) this.#endTag();
        else this.#state = 'beforeAttributeName';
        break;
      case 'beforeAttributeName':
        if (byte === GREATER) this.#endTag();
        else if (!isSpace(byte) && byte !== SLASH) this.#beginAttribute();
        break;
      case 'attributeName':
        if (!isSpace(byte) && byte !== SLASH && byte !== GREATER && byte !== EQUALS) break;
        this.#attribute = this.#tag === 'meta' ? this.#name() : '';
        this.#state = 'afterAttributeName';
        return; // which sees the same byte
      case 'afterAttributeName':
        if (isSpace(byte)) break;
        if (byte === EQUALS) {
          this.#state = 'beforeAttributeValue';
          break;
        }
        this.#keepAttribute(this.#at, this.#at);
        if (byte === GREATER) this.#endTag();
        else if (byte === SLASH) this.#state = 'beforeAttributeName';
        else this.#beginAttribute();
        break;
      case 'beforeAttributeValue':
        if (isSpace(byte)) break;
        this.#start = this.#at;
        this.#state = 'unquotedAttributeValue';
        if (byte === GREATER) return; // an empty one, and the tag's end
        if (byte !== DOUBLE_QUOTE && byte !== SINGLE_QUOTE) break;
        this.#start += 1;
        this.#quote = byte;
        this.#state = 'attributeValue';
        break;
      case 'attributeValue':
        if (!this.#skipTo(this.#quote)) return;
        this.#keepAttribute(this.#start, this.#at - 1);
        this.#state = 'beforeAttributeName';
        return;
      case 'unquotedAttributeValue':
        if (!isSpace(byte) && byte !== GREATER) break;
        this.#keepAttribute(this.#start, this.#at);
        if (byte === GREATER) this.#endTag();
        else this.#state = 'beforeAttributeName';
        break;
    }
    this.#at += 1;
  }

  #scriptData(byte: number): void {
    if (this.#escapes === 0) {
      if (!this.#skipTo(LESS)) return;
      if (this.#isTag('/script')) this.#beginTag(1, true);
      else if (this.#isText('!--')) this.#escapes = 1;
      return;
    }
    this.#at += 1;
    if (byte === GREATER && this.#isDashed(this.#at - 1)) this.#escapes = 0;
    if (byte !== LESS) return;
    if (this.#escapes === 1 && this.#isTag('script')) this.#escapes = 2;
    else if (!this.#isTag('/script')) return;
    else if (this.#escapes === 2) this.#escapes = 1;
    else this.#beginTag(1, true);
  }

  /** Goes behind the next such byte, or to the page's end where there is none. */
  #skipTo(byte: number): boolean {
    const found = this.#page.indexOf(byte, this.#at);
    this.#at = found < 0 ? this.#page.length : found + 1;
    return found >= 0;
  }

  #beginTag(ahead: number, isEndTag: boolean): void {
    this.#at += ahead;
    this.#start = this.#at;
    this.#isEndTag = isEndTag;
    this.#attributes.clear();
    this.#state = 'tagName';
  }

  #beginAttribute(): void {
    this.#start = this.#at;
    this.#state = 'attributeName';
  }

  /** The first of each name counts. */
  #keepAttribute(start: number, end: number): void {
    if (!ATTRIBUTES.has(this.#attribute) || this.#attributes.has(this.#attribute)) return;
    this.#attributes.set(this.#attribute, this.#page.toString('latin1', start, end));
  }

  #endTag(): void {
    this.#state = 'data';
    if (this.#tag === 'meta') this.#endMeta();
    if (!this.#skipsRawText) return;
    // All that follows is text.
    if (this.#tag === 'plaintext') this.#at = this.#page.length;
    if (!RAW_TEXT.has(this.#tag)) return;
    this.#rawTextEnd = `/${this.#tag}`;
    this.#escapes = 0;
    this.#state = this.#tag === 'script' ? 'scriptData' : 'rawText';
  }

  /** As the standard's parser takes the encoding from a `meta` (13.2.6.4.4). */
  #endMeta(): void {
    for (const label of labelsOf(this.#attributes)) {
      this.encoding = declaredEncodingOf(label);
      if (this.encoding !== undefined) return;
      this.#unknownLabels += 1;
      if (this.#unknownLabels === MAX_UNKNOWN_LABELS) {
        this.#at = this.#page.length;
        return;
      }
    }
  }

  /** What was read since `start`, in lower case; empty where its length says that it does not matter. */
  #name(): string {
    const length = this.#at - this.#start;
    if (length < SHORTEST_NAME || length > LONGEST_NAME) return '';
    return this.#page.toString('latin1', this.#start, this.#at).toLowerCase();
  }

  /** Whether this text, which is in lower case, stands here in any case. Makes no string: a page may ask at each byte. */
  #isText(text: string): boolean {
    for (let index = 0; index < text.length; index++) {
      const byte = this.#page[this.#at + index];
      const wanted = text.charCodeAt(index);
      if (byte === wanted) continue;
      if (byte === undefined || !isLetter(wanted) || (byte | 0x20) !== wanted) return false;
    }
    return true;
  }

  /** Whether a tag of this name stands here, behind its `<`. */
  #isTag(name: string): boolean {
    const next = this.#page[this.#at + name.length];
    return this.#isText(name) && next !== undefined && (isSpace(next) || next === SLASH || next === GREATER);
  }

  #isDashed(at: number): boolean {
    return this.#page[at - 1] === DASH && this.#page[at - 2] === DASH;
  }

  /** `-->`, whose dashes may be those of `<!--`, or `--!>`. */
  #closesComment(): boolean {
    const end = this.#at - 1;
    return this.#isDashed(end) || (this.#page[end - 1] === BANG && end - 3 >= this.#start && this.#isDashed(end - 1));
  }
}

/** The labels in a `meta`, the one that counts first. */
function labelsOf(attributes: ReadonlyMap<string, string>): string[] {
  const isContentType = attributes.get('http-equiv')?.toLowerCase() === 'content-type';
  const labels = [attributes.get('charset'), isContentType ? labelOf(attributes.get('content') ?? '') : undefined];
  return labels.filter((label) => label !== undefined);
}

/** The label in the `content` of a `meta` (the standard's 2.4.4). */
function labelOf(content: string): string | undefined {
  const [, value = ''] = /charset[\t\n\f\r ]*=[\t\n\f\r ]*(.+)/is.exec(content) ?? [];
  const quote = value[0];
  if (quote !== '"' && quote !== "'") return /^[^\t\n\f\r ;]+/.exec(value)?.[0];
  const end = value.indexOf(quote, 1);
  return end < 0 ? undefined : value.slice(1, end);
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === TAB || byte === CARRIAGE_RETURN || byte === FORM_FEED;
}
