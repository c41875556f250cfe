package interop;

import java.util.function.Consumer;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Hears the log of the library, which is where it tells of errors that it gets over. */
final class Troubles extends Handler {

    /** Or nobody would hold the logger. */
    private static final Logger LIBRARY = Logger.getLogger("io.spiffe");

    /** A thread of the library, and who wants to hear what it logs. */
    static final class Heard extends Thread {
        private final Consumer<Throwable> listener;

        Heard(Runnable task, Consumer<Throwable> listener) {
            super(task);
            this.listener = listener;
        }
    }

    private Troubles() {}

    static void listen() {
        LIBRARY.setUseParentHandlers(false);
        LIBRARY.addHandler(new Troubles());
    }

    @Override
    public void publish(LogRecord record) {
        boolean isTrouble = record.getLevel() == Level.SEVERE && record.getThrown() != null;
        if (isTrouble && Thread.currentThread() instanceof Heard heard) heard.listener.accept(record.getThrown());
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
}
