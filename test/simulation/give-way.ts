import { constants, setPriority } from "node:os";

// Virtual time takes as long as it takes: tests on real clocks that run beside come first.
setPriority(constants.priority.PRIORITY_LOW);
