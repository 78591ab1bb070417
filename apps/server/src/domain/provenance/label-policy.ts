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
