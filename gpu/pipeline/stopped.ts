/**
 * Asks between two steps of long work whether it is still wanted. Asynchronous, because the answer may
 * have to arrive: a model's run keeps its process from hearing anything.
 */
export type Stopped = () => Promise<boolean>;

export const neverStopped: Stopped = () => Promise.resolve(false);
