import { expect, it } from 'vitest';
import { csvOf } from './csv.ts';

it('quotes what a comma or a quotation mark would part, and leaves out what is not there', () => {
  const rows = [{ name: 'a "b", c', count: 1 }, { count: 0.5 }];
  expect(csvOf(['name', 'count'], rows)).toBe('name,count\r\n"a ""b"", c",1\r\n,0.5\r\n');
});

it('marks as text what a spreadsheet would compute', () => {
  const names = ['=1+1', '@sum', '+1', '-1', '\t=1', '＝1', 'a=1'];
  const cells = csvOf(
    ['name'],
    names.map((name) => ({ name })),
  )
    .split('\r\n')
    .slice(1, -1);
  expect(cells).toEqual(["'=1+1", "'@sum", "'+1", "'-1", "'\t=1", "'＝1", 'a=1']);
  expect(csvOf(['name', 'n'], [{ name: '=HYPERLINK("http://x","y")', n: -1 }])).toBe(
    `name,n\r\n"'=HYPERLINK(""http://x"",""y"")",-1\r\n`,
  );
});
