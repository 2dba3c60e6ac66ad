// Errors cross the worker's boundary as plain {code, message, details}; here they are made into Errors and back.

/** An error with a stable kebab-case `code`, a message a person can act on, and `details` for programs. */
export class SaeExplorerError extends Error {
  constructor(code, message, details = {}) {
    super(message);
    this.name = 'SaeExplorerError';
    this.code = code;
    this.details = details;
  }
}

/** Anything thrown, as the plain object that a message can carry. */
export function toPlain(error) {
  if (error !== null && typeof error === 'object' && typeof error.code === 'string') {
    return { code: error.code, message: String(error.message), details: error.details ?? {} };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: 'internal', message, details: {} };
}

/** The plain object of a message, as an Error. */
export function fromPlain({ code, message, details }) {
  return new SaeExplorerError(code, message, details);
}

/** The error of everything that was stopped on request. */
export function cancelled(what) {
  return new SaeExplorerError('cancelled', `${what} was cancelled.`);
}
