/** What a form or a program sends, as named texts. */

import type { HttpRequest } from "../monitor/http_answer.ts";
import { isJsonObject, type JsonObject, parseJson } from "../platform/json.ts";
import { AskError } from "./ask.ts";

const MOST_FIELDS = 10_000;
export const FORM_TYPE = "application/x-www-form-urlencoded";
export const JSON_TYPE = "application/json";

/** @throws {AskError} for what is neither a form nor a JSON object */
export function fieldsOf(
  { headers, body }: Pick<HttpRequest, "headers" | "body">,
): URLSearchParams {
  const type = mediaTypeOf(headers);
  const text = textOf(body);
  const fields = type === FORM_TYPE
    ? new URLSearchParams(text)
    : type === JSON_TYPE
    ? fieldsOfJson(text)
    : null;
  if (fields === null) throw new AskError(415, `send ${JSON_TYPE} or ${FORM_TYPE}`);
  if (fields.size > MOST_FIELDS) throw new AskError(413, `too many values: ${MOST_FIELDS} at most`);
  return fields;
}

/** Only a place of this site: whatever the form says. */
export function backOf(fields: URLSearchParams, otherwise = "/"): string {
  const back = fields.get("back") ?? otherwise;
  return /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(back) ? back : otherwise;
}

/** Of the body, without parameters; "" when nothing says it. */
export function mediaTypeOf(headers: HttpRequest["headers"]): string {
  return (headers.get("content-type") ?? "").replace(/;.*/s, "").trim().toLowerCase();
}

/** @throws {AskError} for what is not UTF-8 */
export function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new AskError(400, "the body is not UTF-8");
  }
}

/** `{"a": 1, "b": ["x", "y"], "vars": {"k": "v"}}`: lists repeat a field, and each of vars is one. */
function fieldsOfJson(text: string): URLSearchParams {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(objectOf(text))) {
    if (name === "vars" && isJsonObject(value)) {
      for (const [key, each] of Object.entries(value)) {
        fields.append("var", `${key}=${asText(each)}`);
      }
    } else for (const each of [value].flat()) fields.append(name, asText(each));
  }
  return fields;
}

/** @throws {AskError} for what is no JSON object */
export function objectOf(text: string): JsonObject {
  const value = parseJson(text);
  if (isJsonObject(value)) return value;
  throw new AskError(400, "the body must be a JSON object");
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new AskError(400, "values must be strings, numbers, booleans, or lists of them");
}
