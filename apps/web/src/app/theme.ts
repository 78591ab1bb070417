import { createTheme, type MantineColorsTuple, type MantineThemeOverride } from '@mantine/core';

/** Accent of the page. `theme.css` gives the same shades to style sheets, because the page allows no inline style sheet. */
const spruce: MantineColorsTuple = [
  '#eef7f4',
  '#dcece7',
  '#b5d9cf',
  '#8cc5b6',
  '#63b09d',
  '#3c9681',
  '#1d7c69',
  '#0f6b5c',
  '#0b564a',
  '#084338',
];

export const theme: MantineThemeOverride = createTheme({
  colors: { spruce },
  primaryColor: 'spruce',
  primaryShade: { light: 7, dark: 6 },
  defaultRadius: 'md',
  cursorType: 'pointer',
});
