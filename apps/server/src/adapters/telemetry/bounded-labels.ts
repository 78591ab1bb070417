/** Gives values back until there are too many different ones; then `other`. Keeps the number of series in bounds. */
export function createBoundedLabel(most: number): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= most) return 'other';
    seen.add(value);
    return value;
  };
}
