#include "CLinux.h"

int signalbox_fcntl(int descriptor, int command, int argument) {
    return fcntl(descriptor, command, argument);
}
