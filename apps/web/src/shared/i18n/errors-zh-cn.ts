/** Simplified Chinese twin of `errors-en.ts`. */
export const errorsZhCn = {
  unreachable: {
    what: '服务器没有响应。',
    next: '您输入的内容已保存。请确认 Imagemill 正在运行，然后重试。',
  },
  unexpected_answer: {
    what: '收到的答复不是来自 Imagemill。',
    next: '页面与服务器之间可能有其他程序介入。请重新加载页面，或联系管理员。',
  },
  malformed_json: { what: '服务器无法读取页面发送的内容。', next: '请重新加载页面后再试。' },
  malformed_request: { what: '服务器无法读取页面发送的内容。', next: '请重新加载页面后再试。' },
  validation_failed: { what: '有些设置不合适。', next: '请修改以上各项，然后重新生成。' },
  route_not_found: { what: '服务器不认识页面的请求。', next: '页面与服务器的版本可能不一致，请重新加载页面。' },
  generation_not_found: { what: '这次生成已不存在。', next: '可能已被删除，请重新加载页面。' },
  job_not_found: { what: '这张图片已不存在。', next: '可能已被删除，请重新加载页面。' },
  asset_not_found: { what: '这张图片的文件已不存在。', next: '可以套用它的设置重新生成。' },
  method_not_allowed: { what: '服务器不认识页面的请求。', next: '页面与服务器的版本可能不一致，请重新加载页面。' },
  request_timeout: { what: '请求传送得太慢。', next: '请检查网络连接，然后重试。' },
  already_final: { what: '它已经结束了。', next: '没有可以取消的内容。' },
  not_redrivable: { what: '这张图片不能重试。', next: '请重新提交一张。' },
  idempotency_key_reused: { what: '之前用同一个键提交过不同的设置。', next: '请再提交一次。' },
  body_too_large: { what: '文字超出了服务器接受的长度。', next: '请缩短提示词。' },
  unsupported_media_type: { what: '服务器无法读取页面发送的内容。', next: '请重新加载页面后再试。' },
  range_not_satisfiable: { what: '图片中没有这一部分。', next: '请重新下载图片。' },
  host_not_allowed: {
    what: '服务器不在这个地址上提供服务。',
    next: '请用 http://127.0.0.1 或 http://localhost 加相同端口打开页面。',
  },
  headers_too_large: { what: '浏览器附带的数据太多。', next: '请清除此页面的 Cookie，然后重试。' },
  internal_error: { what: '服务器出错了。', next: '请重试。如果再次发生，请附上编号反馈。' },
  engine_unavailable: {
    what: '引擎尚未就绪。',
    next: '它正在启动或重启。已接受的任务会自动等待并完成。',
  },
  shutting_down: {
    what: '服务器正在停止。',
    next: '已接受的任务会保留，并在下次启动后继续。届时请重试。',
  },
  disk_full: {
    what: '服务器的磁盘已满。',
    next: '请在服务器上腾出空间后重试。之前接受的任务会等待并自动继续。',
  },
  storage_failed: { what: '服务器无法读写数据目录。', next: '请检查磁盘和目录权限，然后重试。' },
  engine_crashed: { what: '引擎在绘制时崩溃了。', next: '它已重新启动。如果再次发生，请减少张数或缩小尺寸。' },
  engine_stuck: { what: '引擎停止了响应。', next: '它已重新启动，请重新生成。' },
  engine_fault: { what: '引擎无法绘制这张图片。', next: '请更改尺寸或设置，然后重新生成。' },
  model_unusable: {
    what: '模型无法加载。',
    next: '它的某个文件缺失或损坏。请选择其他模型，或请人校验该模型。',
  },
  model_gone: { what: '服务器上已没有这个模型。', next: '请选择其他模型，然后重新生成。' },
  lease_expired: { what: '工作进程多次中断。', next: '请重新生成。' },
} as const;
