/** Rows as CSV (RFC 4180) under a line of names. What a spreadsheet would compute as a formula is marked as text. */
export function csvOf<Name extends string>(
  names: readonly Name[],
  rows: readonly Readonly<{ [Each in Name]?: string | number | undefined }>[],
): string {
  return [csvLine(names), ...rows.map((row) => csvLine(names.map((name) => row[name])))].join('');
}

/** One line with its end. */
export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

function cell(value: string | number | undefined): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  const text = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
