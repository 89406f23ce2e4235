// JPEG files like ImageNet's, for the decoding cases: cut from photographs in Debian's packages, once, into the cache folder.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../tools/setup/libtorch.mjs";
import { withLock } from "../../tools/setup/lock.mjs";
import { onPath, run } from "../../tools/setup/process.mjs";
import { BenchError } from "../peer.mjs";

const packages = ["lomiri-wallpapers-16.04", "mate-backgrounds"]; // 62 MB to download
const count = 384;
const remedy = "Or give photographs of your own: --pictures <a folder of JPEG files, about 500 × 375>.";

async function finish(what, command, args, cwd) {
  const { ok, output } = await run(command, args, { cwd });
  if (!ok) throw new BenchError(`${what} failed:\n${output.trim().slice(-2000)}`, remedy);
}

async function make(python, folder) {
  for (const command of ["apt-get", "dpkg-deb"])
    if (!onPath(command)) throw new BenchError(`${command} is not here to fetch photographs with.`, remedy);
  const work = `${folder}-being-made`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  await finish("apt-get download", "apt-get", ["download", ...packages], work);
  for (const name of readdirSync(work).filter((file) => file.endsWith(".deb")))
    await finish(`unpacking ${name}`, "dpkg-deb", ["-x", name, join(work, "photographs")], work);
  const script = join(import.meta.dirname, "pictures.py");
  await finish(
    "cutting pictures",
    python,
    [script, join(work, "jpeg"), String(count), join(work, "photographs")],
    work,
  );
  renameSync(join(work, "jpeg"), folder);
  rmSync(work, { recursive: true });
}

/** The folder of our own JPEG files; made where it is not there yet. @throws BenchError */
export async function jpegCorpus(python, say) {
  const folder = join(cacheFolder(), `bench-jpeg-${count}`);
  await withLock(cacheFolder(), "the bench's pictures", async () => {
    if (existsSync(folder)) return;
    say(`  cutting ${count} pictures out of photographs of ${packages.join(" and ")} (62 MB to download)`);
    await make(python, folder);
  });
  return folder;
}
