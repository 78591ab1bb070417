import type { Language } from '../../shared/i18n/language.ts';

interface Example {
  readonly prompt: string;
  readonly language: Language;
  /** URL of what the demo model draws from it. */
  readonly picture: string;
}

const pictureOf = (name: string): string => new URL(`./examples/${name}.webp`, import.meta.url).href;

/**
 * Prompts the demo model was trained for. The pictures are its own:
 * `imagemill generate "<prompt>" --seed 7 --format webp`.
 */
export const examples: readonly Example[] = [
  { prompt: '一只熊猫，粉色背景', language: 'zh-CN', picture: pictureOf('panda') },
  { prompt: 'a rocket on a purple background, gradient', language: 'en', picture: pictureOf('rocket') },
  { prompt: '红色的汽车，蓝色背景', language: 'zh-CN', picture: pictureOf('car') },
  { prompt: 'a hamburger on a yellow background', language: 'en', picture: pictureOf('hamburger') },
  { prompt: '一朵向日葵，蓝色背景', language: 'zh-CN', picture: pictureOf('sunflower') },
  { prompt: 'an owl on a dark blue background', language: 'en', picture: pictureOf('owl') },
];
