/** Rows as CSV (RFC 4180) under a line of names. What a spreadsheet would compute as a formula is marked as text. */
export function csvOf<Name extends string>(
  names: readonly Name[],
  rows: readonly Readonly<{ [Each in Name]?: string | number | undefined }>[],
): string {
  const lines = rows.map((row) => names.map((name) => cell(row[name])).join(','));
  return `${[names.join(','), ...lines].join('\r\n')}\r\n`;
}

function cell(value: string | number | undefined): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
