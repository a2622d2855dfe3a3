/** What a simulated exchange lists, as the engine would learn it. */
import type { Simulator } from "../../simulator/simulator.ts";
import { instrumentsFrom } from "../../supabase/functions/_shared/adapters/market/instruments.ts";
import type { Instrument } from "../../supabase/functions/_shared/domain/market/types.ts";

/** The instruments of the simulator's own `exchangeInfo`, read by the function's adapter. */
export async function listedBy(simulator: Simulator): Promise<Instrument[]> {
  const delivery = await simulator.handle({
    method: "GET",
    path: "/api/v3/exchangeInfo",
    query: "",
    body: "",
    apiKey: null,
    ip: "127.0.0.1",
  });
  if (delivery.kind !== "answer") throw new Error("The simulator does not tell what it lists.");
  return instrumentsFrom(JSON.parse(delivery.answer.body)).instruments;
}
