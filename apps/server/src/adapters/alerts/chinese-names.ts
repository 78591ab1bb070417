import { type AlertRule, defaultRules, type Severity, type SignalName } from '../../domain/alerting/rule.ts';

export const chineseSignals: Readonly<Record<SignalName, string>> = {
  device_utilization: '设备平均利用率',
  queue_length: '排队任务数',
  oldest_wait_seconds: '最久等待时间',
  error_rate: '最近五分钟的失败率',
  dead_letters: '死信任务数',
  engines_down: '无法绘图的引擎数',
  free_disk_bytes: '最小剩余磁盘空间',
  message_failures: '最近五分钟发送失败的消息数',
  clock_skew_seconds: '时钟偏差',
  budgets_reached: '本月用完软预算的租户数',
  jobs_unserved: '没有工作进程拥有其模型的任务数',
  standby_lag_seconds: '备用站点的延迟',
};

export const chineseSeverities: Readonly<Record<Severity, string>> = {
  info: '提示',
  warning: '警告',
  critical: '严重',
};

/** Name and advice of a rule in Chinese, where they are those of a default; else as somebody wrote them. */
export function chineseRule({ id, name, advice }: AlertRule): { readonly name: string; readonly advice: string } {
  const known = defaultRules.find((rule) => rule.id === id);
  const words = texts[id];
  return {
    name: words !== undefined && known?.name === name ? words.name : name,
    advice: words !== undefined && known?.advice === advice ? words.advice : advice,
  };
}

const texts: Readonly<Record<string, { readonly name: string; readonly advice: string }>> = {
  'device-busy': { name: '设备繁忙', advice: '请扩容：增加设备或工作进程，或把批量任务放到夜间。' },
  'queue-long': { name: '队列过长', advice: '请启动更多工作进程。' },
  'error-rate': { name: '绘图失败', advice: '请查看队列页面的死信任务，并运行“imagemill doctor”。' },
  'engine-down': {
    name: '引擎无法绘图',
    advice: '请在该机器上运行“imagemill doctor”；crash-reports 目录记录了当时正在进行的任务。',
  },
  'budget-reached': {
    name: '有租户用完软预算',
    advice: '审计日志记录了是哪个租户；用“imagemill cost budget”查看。超出硬预算后，新的请求会被拒绝。',
  },
  'model-missing': {
    name: '任务在等待没有工作进程拥有的模型',
    advice: '请在某个工作进程上安装该模型（“imagemill models pull”），或取消这些任务。',
  },
  'standby-behind': {
    name: '备用站点落后',
    advice: '请检查数据库复制以及“imagemill standby”是否在运行；现在切换会丢失尚未复制的记录。',
  },
};
