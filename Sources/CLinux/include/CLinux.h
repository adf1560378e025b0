#ifndef SIGNALBOX_CLINUX_H
#define SIGNALBOX_CLINUX_H
#include <fcntl.h>
#include "Supervision.h"

/// fcntl is variadic and therefore not callable from Swift; this is its integer form.
int signalbox_fcntl(int descriptor, int command, int argument);

#endif
