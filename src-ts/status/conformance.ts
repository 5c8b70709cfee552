// Whether a value has the shape of a schema of this package. Others may write into a store.

/** The part of JSON Schema that `STATUS_SCHEMA` uses. `format` says what a text means, and is not looked at. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly minLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** Where a value differs from a schema, such as `pools.articles.size`; `undefined` where it does not. @internal */
export function misfit(value: unknown, schema: Schema, path = ''): string | undefined {
  const type = typeOf(value);
  const { type: types = [type], const: only, enum: allowed, minimum, minLength } = schema;
  const fits =
    [types].flat().some((each) => each === type || (each === 'number' && type === 'integer')) &&
    (only === undefined || value === only) &&
    (allowed === undefined || allowed.includes(value)) &&
    (minimum === undefined || typeof value !== 'number' || value >= minimum) &&
    (minLength === undefined || typeof value !== 'string' || value.length >= minLength);
  if (!fits) return path || 'all of it';
  return type === 'object' ? misfitInside(value as Record<string, unknown>, schema, path) : undefined;
}

function misfitInside(value: Record<string, unknown>, schema: Schema, path: string): string | undefined {
  const { properties = {}, required = [], additionalProperties } = schema;
  const inside = (name: string) => (path === '' ? name : `${path}.${name}`);
  for (const name of required) if (!Object.hasOwn(value, name)) return inside(name);
  for (const [name, each] of Object.entries(value)) {
    const expected = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    const found = expected && misfit(each, expected, inside(name));
    if (found !== undefined) return found;
  }
  return undefined;
}
