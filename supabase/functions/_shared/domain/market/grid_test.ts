import assert from "node:assert/strict";
import { gridOf, priceToTicks, quantityToSteps, stepsToQuantity, ticksToPrice } from "./grid.ts";

const grid = gridOf({ symbol: "XYZUSDT", tickSize: "0.05", lotStep: "0.1" });

Deno.test("prices are counted in ticks even when the tick is no power of ten", () => {
  assert.equal(priceToTicks(grid, "10.15"), 203n);
  assert.equal(ticksToPrice(grid, 203n), "10.15");
});

Deno.test("a price between two ticks is refused by symbol and tick", () => {
  for (const price of ["10.16", "10.150000001"]) {
    assert.throws(() => priceToTicks(grid, price), /not a multiple of the tick size 0\.05 of XYZUSDT/);
  }
});

Deno.test("a quantity is floored to whole steps", () => {
  assert.equal(quantityToSteps(grid, "1.2999"), 12n);
  assert.equal(stepsToQuantity(grid, 12n), "1.2");
});

Deno.test("a rule that is off leaves eight decimals", () => {
  const free = gridOf({ symbol: "XYZUSDT", tickSize: "0", lotStep: "0" });
  assert.equal(priceToTicks(free, "0.00000001"), 1n);
  assert.equal(stepsToQuantity(free, 3n), "0.00000003");
});
