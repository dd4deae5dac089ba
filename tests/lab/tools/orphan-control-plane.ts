// Starts a control plane, prints where it is, and waits to be killed.
import { startControlPlane } from '../control-plane.ts';

const plane = await startControlPlane();
process.stdout.write(`${JSON.stringify({ folder: plane.folder, pids: plane.pids })}\n`);
setInterval(() => {}, 60_000);
