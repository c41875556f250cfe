package interop;

import java.util.HashMap;
import java.util.Map;

/** The answer to a call that opened what tells events: it begins when the answer has been written. */
final class Opened extends HashMap<String, Object> {

    private static final long serialVersionUID = 1L;

    private final transient Runnable begin;

    private Opened(Map<String, ?> answer, Runnable begin) {
        super(answer);
        this.begin = begin;
    }

    static Opened of(Map<String, ?> answer, Runnable begin) {
        return new Opened(answer, begin);
    }

    void begin() {
        begin.run();
    }
}
