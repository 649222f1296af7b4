// The way to the best site was cut, the next one drained, and both came back: lists of all three kinds come and go.
import { testReplays } from '../replay.fixture.ts';

testReplays(import.meta.dirname);
