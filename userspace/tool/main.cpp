// SPDX-License-Identifier: GPL-2.0
#include "tool/context.h"

int main(int argc, char **argv)
{
	return ipvs_tun::run(argc, argv);
}
