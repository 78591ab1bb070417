/** Settings of a row that a column can be taken for. */
export const columnRoles = [
  'prompt',
  'negativePrompt',
  'width',
  'height',
  'count',
  'seed',
  'steps',
  'guidanceScale',
  'model',
  'format',
  'quality',
] as const;
export type ColumnRole = (typeof columnRoles)[number];

/** Columns of a file by their names, and what they are taken for. */
export type ColumnRoles = Readonly<Record<string, ColumnRole>>;

/** Names that columns have in the files of shops and other programs, without case, spaces and signs. */
const usualNames: Readonly<Record<ColumnRole, readonly string[]>> = {
  prompt: ['prompt', 'text', 'positiveprompt', '提示词', '提示', '描述', '正向提示词'],
  negativePrompt: ['negativeprompt', 'negative', '反向提示词', '负面提示词', '反向提示'],
  width: ['width', 'w', '宽', '宽度'],
  height: ['height', 'h', '高', '高度'],
  count: ['count', 'n', 'pictures', 'quantity', '张数', '数量'],
  seed: ['seed', '种子', '随机种子'],
  steps: ['steps', '步数'],
  guidanceScale: ['guidancescale', 'guidance', 'cfg', 'cfgscale', '引导', '引导系数'],
  model: ['model', '模型'],
  format: ['format', '格式', '文件格式'],
  quality: ['quality', '质量'],
};

/** What the columns are most likely meant for, by their names; each setting is given once. */
export function guessRoles(columns: readonly string[]): ColumnRoles {
  const roles: Record<string, ColumnRole> = {};
  for (const role of columnRoles) {
    const found = columns.find((column) => roles[column] === undefined && usualNames[role].includes(plain(column)));
    if (found !== undefined) roles[found] = role;
  }
  return roles;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{Letter}\p{Number}]/gu, '');
}

/** The mapping as the API takes it: the server knows its own names by itself. */
export function mappingOf(roles: ColumnRoles): Readonly<Record<string, string>> | undefined {
  const renamed = Object.entries(roles).filter(([column, role]) => column !== role);
  return renamed.length === 0 ? undefined : Object.fromEntries(renamed);
}
