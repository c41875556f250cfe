package adapter;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Stands for your library, so that the adapter runs. Use yours in Operations and delete this file. */
final class Library {
    static final class InvalidSpiffeIdException extends Exception {
        InvalidSpiffeIdException(String message) {
            super(message);
        }
    }

    record SpiffeId(String trustDomain, String path) {
        private static final Pattern FORM =
                Pattern.compile("spiffe://([a-z0-9._-]{1,255})((?:/(?!\\.{1,2}(?:/|\\z))[A-Za-z0-9._-]++)*+)");

        static SpiffeId parse(String text) throws InvalidSpiffeIdException {
            Matcher matcher = FORM.matcher(text);
            if (text.length() > 2048 || !matcher.matches()) {
                throw new InvalidSpiffeIdException("no SPIFFE ID: " + text);
            }
            return new SpiffeId(matcher.group(1), matcher.group(2));
        }

        @Override
        public String toString() {
            return "spiffe://" + trustDomain + path;
        }
    }
}
