/* A fatal signal gets a last line before the process ends: the handler may only call what is safe in one, so it is C. */
#include "clinux.h"
#include <signal.h>
#include <string.h>

static int last_words_descriptor = 2;

void clinux_last_words_go_to(int descriptor) { last_words_descriptor = descriptor; }

static void write_text(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t count = write(last_words_descriptor, text, left);
        if (count <= 0) return;
        text += count;
        left -= (size_t)count;
    }
}

static void say_last_words(int number) {
    char digits[8];
    int position = 7;
    digits[position] = 0;
    for (int rest = number; rest > 0 && position > 0; rest /= 10) digits[--position] = (char)('0' + rest % 10);
    write_text("keyway: fatal signal ");
    write_text(digits + position);
    write_text(
        ": this is a bug of Keyway; the process ends at once, its embedded servers with it, and what was in flight has no "
        "reply; please report it with the lines before this one\n");
    /* The default action follows: SA_RESETHAND has restored it. */
    raise(number);
}

/* For SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE and SIGABRT. */
void clinux_install_last_words(void) {
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = say_last_words;
        action.sa_flags = (int)(SA_RESETHAND | SA_NODEFER);
        sigaction(numbers[i], &action, 0);
    }
}
