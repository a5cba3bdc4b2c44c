import { expect, test } from "vitest";
import { DamageError } from "../base/errors.ts";
import { toDiskError } from "./disk-error.ts";

const systemError = (code: string): Error => Object.assign(new Error(`${code}: open`), { code });

test("what the system lacks for a while is told from what is broken", () => {
  for (const code of ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE"]) {
    const error = toDiskError(systemError(code), "opening a");
    expect(error).toMatchObject({ code: "DISK_FULL" });
    expect(error.message).toMatch(new RegExp(`^opening a: .* \\(${code}\\)$`));
  }
  for (const code of ["EROFS", "ENOENT", "EACCES"]) {
    const error = toDiskError(systemError(code), "opening a");
    expect(error).toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
    expect(error).not.toBeInstanceOf(DamageError);
  }
  for (const code of ["EIO", "EUCLEAN"]) {
    const error = toDiskError(systemError(code), "opening a");
    expect(error).toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
    expect(error).toBeInstanceOf(DamageError);
  }
});
