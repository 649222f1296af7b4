// The way to the best site was cut, the next one drained, and both came back: lists of all three kinds come and go. That sv1, sv2
// and sv3 are best in this order was made sure of by links n1--n2 and n2--p1 of 3 ms.
import { testReplays } from '../replay.fixture.ts';

testReplays(import.meta.dirname);
