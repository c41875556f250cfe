import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import addFormats from 'ajv-formats';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

const compiled = new Map<string, ValidateFunction>();

/**
 * Compiles a published schema, or one of its definitions.
 *
 * @param name - `protocol`, `vectors`, `known` or `results`.
 */
export function schemaValidator(name: string, definition = ''): ValidateFunction {
  const known = compiled.get(`${name} ${definition}`);
  if (known !== undefined) return known;
  const validate = compile(name, definition);
  compiled.set(`${name} ${definition}`, validate);
  return validate;
}

function compile(name: string, definition: string): ValidateFunction {
  // Schemas that only make sense together with what they stand in are no mistake here.
  const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
  addFormats.default(ajv);
  const file = join(import.meta.dirname, `../schemas/${name}.v1.schema.json`);
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { readonly $id: string };
  if (definition === '') return ajv.compile(schema);
  ajv.addSchema(schema);
  return ajv.compile({ $ref: `${schema.$id}#/$defs/${definition}` });
}
