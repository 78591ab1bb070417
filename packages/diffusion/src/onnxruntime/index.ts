/** @module The engine on ONNX Runtime: the only entry that loads native code. */
export { type DeviceNote, type DeviceOptions, deviceNoteCodes, type OpenedDevice, openDevice } from './open-device.ts';
export { openPictureScorer, type PictureScorer, type PictureScorerOptions } from './picture-scorer.ts';
export { createOnnxRuntime, type RuntimeSettings } from './runtime.ts';
export { type SelfTestResult, selfTest } from './self-test.ts';
export { type SessionSettings, sessionOptions } from './session-options.ts';
export { onnxRuntimeVersion } from './version.ts';
