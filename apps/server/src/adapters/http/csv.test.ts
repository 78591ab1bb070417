import { expect, it } from 'vitest';
import { csvOf } from './csv.ts';

it('quotes what a comma or a quotation mark would part, and leaves out what is not there', () => {
  const rows = [{ name: 'a "b", c', count: 1 }, { count: 0.5 }];
  expect(csvOf(['name', 'count'], rows)).toBe('name,count\r\n"a ""b"", c",1\r\n,0.5\r\n');
});

it('marks as text what a spreadsheet would compute', () => {
  expect(csvOf(['name'], [{ name: '=1+1' }, { name: '@sum' }])).toBe("name\r\n'=1+1\r\n'@sum\r\n");
});
