import type { Log } from "../../../base/log.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { VirtualClock } from "../../../base/virtual-clock.ts";
import { batchTools } from "../../../node/open-broker.ts";
import type { CoordinatorFaults } from "../../../simulation/coordinator-network.ts";
import { drawBetween } from "../../../simulation/draw.ts";
import { DriftingClock } from "../../../simulation/drifting-clock.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { SimulatedNetwork } from "../../../simulation/simulated-network.ts";
import type { SimulatedStore } from "../../../simulation/simulated-store.ts";
import { DiskFaults } from "../disk-faults.ts";
import { Machine } from "../machine.ts";
import { ProcessClock } from "../process-clock.ts";
import { ProcessGate } from "../process-gate.ts";
import type { Trace } from "../trace.ts";
import { forkRandom } from "../world.ts";
import { ClusteredProcess } from "./clustered-process.ts";

export interface SimulatedNodeParts {
  readonly id: number;
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly settings: NodeSettings;
  readonly network: SimulatedNetwork;
  readonly store: SimulatedStore;
  /** Of every node's way to the coordinator, as they are at the moment. */
  readonly faults: CoordinatorFaults;
  readonly onError: (text: string) => void;
  readonly onProcess: (process: ClusteredProcess) => void;
}

/** Clocks gain or lose so many seconds in a thousand at most; a lease's margin is for 100. */
const driftMost = 40;

/** A machine of the cluster: its disk, its clock, its ways to the others, and what befalls them. */
export class SimulatedNode {
  readonly id: number;
  readonly name: string;
  readonly gate: ProcessGate;
  readonly faults: DiskFaults;
  readonly machine: Machine<ClusteredProcess>;
  #isCutOff = false;
  #latest: ClusteredProcess | undefined;
  /** Of the last life before the latest process. */
  #former: string | undefined;

  constructor(parts: SimulatedNodeParts) {
    const { id, seed, clock, trace, settings, network, store } = parts;
    const random = forkRandom(seed, `node ${id}`);
    const drift = drawBetween(random, -driftMost, driftMost);
    const machineClock = new DriftingClock(clock, 1 + drift / 1_000);
    this.id = id;
    this.name = `n${id}`;
    this.gate = new ProcessGate(clock);
    const stopped = new ProcessClock(clock, () => 0, this.gate);
    this.faults = new DiskFaults(stopped, forkRandom(seed, `disk ${id}`), trace);
    const own = { nodeId: id, clock: machineClock, gate: this.gate, random, network, store };
    const log: Log = trace.log((text) => parts.onError(`${this.name}: ${text}`), this.name);
    const configured = { ...settings, "node.id": id, "broker.rack": `r${id}` };
    this.machine = new Machine<ClusteredProcess>({
      clock,
      random,
      disk: new SimulatedDisk({ nowMs: () => clock.nowMs() }),
      prepare: (disk) => this.faults.hangOn(disk),
      begin: (disk, skewMs) => {
        const bootId = `${id}/${this.machine.bootCount}`;
        const life = { disk, skewMs, bootId, tools: batchTools, log, settings: configured };
        const process = new ClusteredProcess({ ...own, ...life, faults: parts.faults });
        this.#former = this.incarnation;
        this.#latest = process;
        if (this.#isCutOff) process.coordinator.cut();
        parts.onProcess(process);
        return process;
      },
      onEvent: (what) => trace.add(this.name, what),
    });
  }

  /** Whether it serves and is not stopped. */
  get process(): ClusteredProcess | undefined {
    return this.machine.process;
  }

  /** Of its latest life in the cluster, which its lease may outlive. */
  get incarnation(): string | undefined {
    return this.#latest?.broker?.cluster?.incarnation ?? this.#former;
  }

  /** Nothing goes between it and the coordinator. */
  cutOff(): void {
    this.#isCutOff = true;
    this.#latest?.coordinator.cut();
  }

  reach(): void {
    this.#isCutOff = false;
    const process = this.#latest;
    if (process !== undefined && !process.isDead) process.coordinator.mend();
  }
}
