/** XMP packets (ISO 16684-1) with the few properties that tell of a generated picture. */
import type { PictureTexts } from '../../domain/provenance/picture-metadata.ts';

/**
 * The packet. `TC260:AIGC` is where TC260-PG-20258A puts the label of GB 45438-2025.
 *
 * @param options.withProvenance for formats that have no other place for it
 */
export function writeXmp(texts: PictureTexts, options: { readonly withProvenance: boolean }): string {
  const { aigc, digitalSourceType, software, provenance } = texts;
  return [
    '<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"',
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"',
    ' xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" xmlns:imagemill="urn:imagemill:xmp:1">',
    `<xmp:CreatorTool>${escapeXml(software)}</xmp:CreatorTool>`,
    `<Iptc4xmpExt:DigitalSourceType>${escapeXml(digitalSourceType)}</Iptc4xmpExt:DigitalSourceType>`,
    aigc === undefined ? '' : `<TC260:AIGC>${escapeXml(aigc)}</TC260:AIGC>`,
    options.withProvenance ? `<imagemill:provenance>${escapeXml(provenance)}</imagemill:provenance>` : '',
    '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>',
  ].join('');
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
