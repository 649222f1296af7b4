// A site got busy, died and returned.
import { testReplays } from '../replay.fixture.ts';

testReplays(import.meta.dirname);
