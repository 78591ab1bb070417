export type OnnxErrorCode =
  /** An operator was given inputs or attributes that it does not take. */
  | 'operator_invalid'
  /** The builder has no shape rule for an operator. */
  | 'operator_unknown'
  /** A finished graph breaks a rule of ONNX. */
  | 'graph_invalid'
  /** Bytes are not an ONNX model. */
  | 'model_damaged';

/** Every error of this package. */
export class OnnxError extends Error {
  readonly code: OnnxErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: OnnxErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'OnnxError';
    this.code = code;
    this.details = details;
  }
}
