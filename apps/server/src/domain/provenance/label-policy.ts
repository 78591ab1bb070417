export const markCorners = ['top-left', 'top-right', 'bottom-left', 'bottom-right'] as const;
export type MarkCorner = (typeof markCorners)[number];

/** Visible words in a corner that say that the picture was generated. */
export interface VisibleMark {
  readonly language: 'zh' | 'en';
  readonly corner: MarkCorner;
  /** Height of the letters in percent of the shorter side; GB 45438-2025 asks for 5 at least. */
  readonly heightPercent: number;
}

/** How the pictures of a tenant are labelled. */
export interface LabelPolicy {
  /** Whether files carry the implicit label (the field AIGC). */
  readonly implicitLabel: boolean;
  /** Who answers for the content: a name or registered code. */
  readonly producer: string;
  readonly visibleMark: VisibleMark | undefined;
}

/** What a tenant has otherwise than all; what is undefined is as for all. */
export interface LabelOverride {
  readonly aiLabel?: boolean | undefined;
  readonly aiLabelProducer?: string | undefined;
  readonly visibleMark?: 'none' | VisibleMark['language'] | undefined;
  readonly visibleMarkCorner?: MarkCorner | undefined;
  readonly visibleMarkPercent?: number | undefined;
}

export const labelNames = [
  'aiLabel',
  'aiLabelProducer',
  'visibleMark',
  'visibleMarkCorner',
  'visibleMarkPercent',
] as const satisfies readonly (keyof LabelOverride)[];

/** Labels to set; null takes one back to what holds for all, what is undefined stays. */
export type LabelChange = { readonly [Name in keyof LabelOverride]?: LabelOverride[Name] | null };

export function changeLabels(labels: LabelOverride, change: LabelChange): LabelOverride {
  const changed = labelNames.map((name) => [name, change[name] === undefined ? labels[name] : change[name]] as const);
  return Object.fromEntries(changed.filter(([, value]) => value !== undefined && value !== null));
}
