/** `spooler options --schema`: the option table as a JSON Schema of the section [uwsgi], for editors. */

import { CHAPTERS, type OptionKind, type OptionRow } from "../config/options.ts";

const FLAG_WORDS = "true, yes, on or 1; false, no, off or 0";

/** An ini as a JSON object: the value of a key that repeats is an array. */
export function optionsSchema(): object {
  const properties = Object.fromEntries(
    CHAPTERS.flatMap(({ title, rows }) =>
      rows.flatMap((row) =>
        [row.name, ...row.aliases ?? []].map((name) => [name, propertyOf(row, name, title)])
      )
    ),
  );
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "spooler ini",
    description: "An ini of spooler: its section [uwsgi]. Other keys are placeholders: %(key).",
    type: "object",
    required: ["uwsgi"],
    properties: { uwsgi: { type: "object", properties, additionalProperties: true } },
  };
}

function propertyOf(row: OptionRow, name: string, chapter: string): object {
  const { value, fallback, help, standing } = row;
  const alias = name === row.name ? "" : ` Another name of ${row.name}.`;
  const form = value === undefined ? FLAG_WORDS : `${row.name} = ${value}`;
  const once = typeOf(row.kind);
  return {
    title: `${chapter}: ${name}`,
    description: `${help}.${alias} ${form}${standing === "planned" ? " (not yet)" : ""}`,
    ...(fallback === undefined ? {} : { default: fallback }),
    // Values may hold placeholders and units, so that any of them is a text.
    anyOf: [{ type: once }, { type: "array", items: { type: once } }],
  };
}

function typeOf(kind: OptionKind): string[] {
  switch (kind) {
    case "flag":
      return ["boolean", "string"];
    case "integer":
    case "seconds":
      return ["number", "string"];
    case "text":
    case "path":
    case "address":
    case "module":
    case "command":
      return ["string"];
    default:
      return kind satisfies never;
  }
}
