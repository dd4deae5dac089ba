import { describeSource } from '../../src/cluster/cluster.contract.ts';
import { folderHarness } from './folder.ts';

describeSource('a manifests folder', folderHarness);
