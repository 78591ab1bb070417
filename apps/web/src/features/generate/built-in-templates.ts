import type { Language } from '../../shared/i18n/language.ts';
import type { DraftTemplate } from './template.ts';

type Words = Pick<DraftTemplate, 'name' | 'prompt'>;

const texts: readonly Readonly<Record<Language, Words>>[] = [
  {
    en: { name: 'Product, studio', prompt: '{{prompt}}, product photo on a {{colour}} background, soft studio light' },
    'zh-CN': { name: '商品棚拍', prompt: '{{prompt}}，{{颜色}}背景，商品摄影，柔和棚灯' },
  },
  {
    en: { name: 'Product in use', prompt: '{{product}} in {{place}}, lifestyle photo, natural light, shallow depth' },
    'zh-CN': { name: '商品场景', prompt: '{{商品}}，{{场景}}，生活方式摄影，自然光，浅景深' },
  },
  {
    en: { name: 'Advertising poster', prompt: 'advertising poster, {{prompt}}, bold composition, room for a headline' },
    'zh-CN': { name: '广告海报', prompt: '广告海报，{{prompt}}，构图大胆，留出标题位置' },
  },
  {
    en: { name: 'Festival banner', prompt: '{{festival}} banner, {{prompt}}, festive colours, wide composition' },
    'zh-CN': { name: '节日横幅', prompt: '{{节日}}横幅，{{prompt}}，喜庆配色，横向构图' },
  },
  {
    en: {
      name: 'Teaching picture',
      prompt: '{{prompt}}, clear teaching illustration, plain background, no decoration',
    },
    'zh-CN': { name: '教学插图', prompt: '{{prompt}}，清晰的教学插图，纯色背景，无多余装饰' },
  },
  {
    en: { name: 'Flat illustration', prompt: '{{prompt}}, flat vector illustration, few colours, clean shapes' },
    'zh-CN': { name: '扁平插画', prompt: '{{prompt}}，扁平矢量插画，少量配色，形状简洁' },
  },
  {
    en: { name: 'Watercolour', prompt: '{{prompt}}, watercolour on rough paper, loose brushwork' },
    'zh-CN': { name: '水彩', prompt: '{{prompt}}，粗纹纸水彩，笔触松动' },
  },
  {
    en: { name: 'Ink painting', prompt: '{{prompt}}, Chinese ink painting, much empty space' },
    'zh-CN': { name: '水墨', prompt: '{{prompt}}，中国水墨画，大量留白' },
  },
];

/** Templates that come with the page, in a language. */
export function builtInTemplates(language: Language): readonly DraftTemplate[] {
  return texts.map((text) => ({ ...text[language], negativePrompt: '' }));
}
