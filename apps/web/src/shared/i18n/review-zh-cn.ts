/** 审核页面的文字，键与 `review-en.ts` 相同。 */
export const reviewZhCn = {
  title: '审核',
  about: '未通过检查的图片。被扣留的图片在通过之前不计入；被标记的图片在被拒绝之前都计入。',
  list: '待审核的图片',
  empty: '没有等待决定的图片。',
  picture: '待审核的图片：{{prompt}}',
  held: '已扣留，等待决定',
  marked: '已标记，目前计入',
  limit: '限值',
  seed: '种子 {{seed}}',
  accept: '通过',
  reject: '拒绝',
  redraw: '重新绘制',
  checks: {
    blank: '只有一种颜色',
    clipped: '几乎全黑或全白',
    blurred: '比该模型通常画得模糊',
    duplicate: '与另一张图片雷同',
    unsafe: '安全模型判定为不安全',
    unattractive: '审美模型判定为不美观',
  },
} as const;
