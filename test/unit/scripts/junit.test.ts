import { expect, test } from "bun:test";
import { countJunit } from "../../../scripts/checks/junit.ts";

test("tests that failed or were skipped do not count as passed", () => {
  const report = `<?xml version="1.0"?>
<testsuites name="bun test" tests="12" assertions="30" failures="2" skipped="1" time="1.5">
  <testsuite name="a" tests="12" failures="2" skipped="1"></testsuite>
</testsuites>`;
  expect(countJunit(report)).toEqual({ passed: 9, failed: 3 });
});

test("a text that is no report is told apart from a report of nothing", () => {
  expect(countJunit("")).toBeUndefined();
  expect(countJunit('<testsuites name="bun test" tests="0" failures="0" skipped="0">')).toEqual({
    passed: 0,
    failed: 0,
  });
});
