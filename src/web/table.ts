/** Tables, and what stands where one has no rows. @pure */

import { type Html, markup, type Part } from "./html.ts";

export interface Column<T> {
  readonly head: Part;
  /** Figures stand at the right, under each other. */
  readonly isNumber?: boolean;
  cell(row: T): Part;
}

/**
 * On a phone each row is a card, in which a cell has its heading before it.
 *
 * @param caption what it is, for who cannot see where it stands
 */
export function table<T>(caption: string, rows: readonly T[], columns: readonly Column<T>[]): Html {
  return markup`
    <div class="table">
      <table>
        <caption>${caption}</caption>
        <thead>
          <tr>${
    columns.map(({ head, isNumber }) => markup`<th scope="col" ${numeric(isNumber)}>${head}</th>`)
  }</tr>
        </thead>
        <tbody>${
    rows.map((row) =>
      markup`
            <tr>${
        columns.map(({ head, isNumber, cell }) =>
          markup`
                <td data-head="${typeof head === "string" ? head : ""}" ${numeric(isNumber)}>${
            cell(
              row,
            )
          }</td>
              `
        )
      }</tr>
          `
    )
  }</tbody>
      </table>
    </div>
  `;
}

const numeric = (isNumber = false): Html | null => isNumber ? markup` class="number"` : null;

export function empty(text: Part): Html {
  return markup`<p class="empty">${text}</p>`;
}

/** Names and values, one under the other. */
export function facts(rows: readonly (readonly [name: string, value: Part])[]): Html {
  return markup`<dl class="facts">${
    rows.map(([name, value]) =>
      markup`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}
