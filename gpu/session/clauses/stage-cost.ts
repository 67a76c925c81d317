/** What a stage was measured to cost: work a unit of what it is given (a second of speech, a character). */
export interface StageCost {
  /** Milliseconds of work a unit. */
  readonly perUnit: number;
  readonly measured: number;
}

/** Getting slower shows at once, getting faster is believed slowly: promises are made with this figure. */
const riseWeight = 0.5;
const fallWeight = 0.1;
const doubtWeight = 0.2;
/** Share of one call in a usual cost, once so many were seen that this is their mean. */
const usualWeight = 0.1;
/** What was assumed, or measured before the first session, counts as so many calls: the first ones soon outweigh it. */
const callsOfStart = 3;

/** @param perUnit what to assume before anything was measured */
export const assumedCost = (perUnit: number): StageCost => ({ perUnit, measured: 0 });

/** Takes a measurement; one without work or units says nothing. */
export function measuredCost(cost: StageCost, workMs: number, units: number): StageCost {
  const perUnit = workMs / units;
  if (!(units > 0) || !Number.isFinite(perUnit) || perUnit < 0) return cost;
  const rising = perUnit > cost.perUnit;
  const weight = cost.measured === 0 ? 1 : rising ? riseWeight : fallWeight;
  return {
    perUnit: cost.perUnit + weight * (perUnit - cost.perUnit),
    measured: cost.measured + 1,
  };
}

/** What is believed of a cost by which work is given up unmeasured: ever less of what lies above the assumption. */
export function doubtedCost(cost: StageCost, assumedPerUnit: number): StageCost {
  const excess = Math.max(0, cost.perUnit - assumedPerUnit);
  return { ...cost, perUnit: cost.perUnit - doubtWeight * excess };
}

export const expectedMs = (cost: StageCost, units: number): number =>
  cost.perUnit * Math.max(0, units);

/** @param perUnit what holds until calls were measured */
export const usualCost = (perUnit: number): StageCost => ({ perUnit, measured: callsOfStart });

/** The mean of a beginning, then one over the last dozens of calls: one slow call changes little. */
export function usuallyMeasured(cost: StageCost, workMs: number, units: number): StageCost {
  const perUnit = workMs / units;
  if (!(units > 0) || !Number.isFinite(perUnit) || perUnit < 0) return cost;
  const measured = cost.measured + 1;
  const weight = Math.max(usualWeight, 1 / measured);
  return { perUnit: cost.perUnit + weight * (perUnit - cost.perUnit), measured };
}
