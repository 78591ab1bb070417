/** The texts of a picture's file, as they are in it. */
export interface PictureMetadata {
  readonly mediaType: 'image/png' | 'image/jpeg' | 'image/webp';
  readonly width: number;
  readonly height: number;
  /** PNG text chunks by keyword; of JPEG and WebP `UserComment` and other EXIF texts by name, and `Comment`. */
  readonly texts: Readonly<Record<string, string>>;
  /** The XMP packet. */
  readonly xmp: string | undefined;
}

/** What is written into a picture's file. */
export interface PictureTexts {
  /** The text of A1111. */
  readonly parameters: string;
  /** JSON of the provenance, ASCII. */
  readonly provenance: string;
  /** JSON of the implicit label, ASCII; undefined for none. */
  readonly aigc: string | undefined;
  /** An address of IPTC. */
  readonly digitalSourceType: string;
  readonly software: string;
}

/** Names of the texts. */
export const textNames = {
  parameters: 'parameters',
  provenance: 'imagemill',
  aigc: 'AIGC',
  xmp: 'XML:com.adobe.xmp',
} as const;

/** JSON in ASCII: it can stand in every kind of text chunk. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
