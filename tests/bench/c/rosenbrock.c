/* Rosenbrock's function of two variables and its gradient. */
#include "bench.h"

/* Called through a volatile pointer: each call is one, as from another program. */
static double rosenbrock(const double *p, double *gradient) {
    double x = p[0], y = p[1], a = 1 - x, b = y - x * x;
    gradient[0] = -2 * a - 400 * x * b;
    gradient[1] = 200 * b;
    return a * a + 100 * b * b;
}

int main(int argc, char **argv) {
    double *p = read_numbers(argv[1]), gradient[2], value = 0;
    long steps = atol(argv[2]);
    double (*volatile call)(const double *, double *) = rosenbrock;
    double start = seconds();
    for (long i = 0; i < steps; i++) value = call(p, gradient);
    double each = (seconds() - start) / (steps ? steps : 1);
    value = call(p, gradient);
    print_numbers(&each, 1);
    print_numbers(&value, 1);
    print_numbers(gradient, 2);
}
