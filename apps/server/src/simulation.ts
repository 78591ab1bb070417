/** The capacity simulator, for programs that plan. */

export { percentile, reportDay, type WindowReport, waitingAt } from './domain/simulation/day-report.ts';
export { type DeviceTiming, deviceOfSeconds, deviceTimings, tokensOf } from './domain/simulation/device-timing.ts';
export { type MeasuredTimings, measuredDevice } from './domain/simulation/measured-device.ts';
export { seededRandom } from './domain/simulation/random.ts';
export {
  type Arrival,
  type Day,
  type DrawnPicture,
  type PlatformTiming,
  type SimulatedDevice,
  simulateDay,
  simulatedDevice,
} from './domain/simulation/simulate-day.ts';
