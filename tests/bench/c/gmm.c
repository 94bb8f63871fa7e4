/* ADBench's Gaussian mixture objective and its gradient; -DD=2 is the dimension of the points.
   Input: constant, gamma and m of the prior, parameters in the order of struct mixture, points. */
#include "bench.h"

enum { K = 5, POINTS = 1000, BELOW = D * (D - 1) / 2 };

struct mixture {
    double alpha[K], mean[K][D];
    struct { double q[D], below[BELOW]; } icf[K]; /* below the diagonal, column after column */
};
enum { SIZE = sizeof(struct mixture) / sizeof(double) };

static struct mixture w, g;
static double constant, prior_gamma, prior_m;

static double softmax(const double *x, double *shares) {
    double greatest = x[0], total = 0;
    for (int k = 1; k < K; k++) greatest = x[k] > greatest ? x[k] : greatest;
    for (int k = 0; k < K; k++) total += shares[k] = exp(x[k] - greatest);
    for (int k = 0; k < K; k++) shares[k] /= total;
    return log(total) + greatest;
}

static double value_and_gradient(const double (*points)[D]) {
    double Q[K][D][D], by_Q[K][D][D], common[K], shares[K], value = constant, square = prior_gamma * prior_gamma;
    memset(&g, 0, sizeof g);
    memset(by_Q, 0, sizeof by_Q);
    for (int k = 0; k < K; k++) {
        common[k] = w.alpha[k];
        for (int j = 0, at = 0; j < D; j++) {
            common[k] += w.icf[k].q[j];
            for (int i = 0; i < j; i++) Q[k][i][j] = 0;
            Q[k][j][j] = exp(w.icf[k].q[j]);
            for (int i = j + 1; i < D; i++) Q[k][i][j] = w.icf[k].below[at++];
        }
    }
    /* All of a row, with its zeros: a vector at a time, that is faster than the half of it. */
    for (int e = 0; e < POINTS; e++) {
        double c[K][D], z[K][D], inner[K];
        for (int k = 0; k < K; k++) {
            inner[k] = common[k];
            for (int i = 0; i < D; i++) c[k][i] = points[e][i] - w.mean[k][i];
            for (int i = 0; i < D; i++) {
                double s = 0;
                for (int j = 0; j < D; j++) s += Q[k][i][j] * c[k][j];
                z[k][i] = s;
                inner[k] -= 0.5 * s * s;
            }
        }
        value += softmax(inner, shares);
        for (int k = 0; k < K; k++) {
            g.alpha[k] += shares[k];
            for (int i = 0; i < D; i++) {
                double by_z = -shares[k] * z[k][i];
                for (int j = 0; j < D; j++) {
                    by_Q[k][i][j] += by_z * c[k][j];
                    g.mean[k][j] -= by_z * Q[k][i][j];
                }
            }
        }
    }
    value -= POINTS * softmax(w.alpha, shares);
    for (int k = 0; k < K; k++) {
        for (int j = 0, at = 0; j < D; j++) {
            double q = Q[k][j][j];
            g.icf[k].q[j] = g.alpha[k] + (by_Q[k][j][j] + square * q) * q - prior_m;
            value += 0.5 * square * q * q - prior_m * w.icf[k].q[j];
            for (int i = j + 1; i < D; i++, at++) {
                double l = w.icf[k].below[at];
                g.icf[k].below[at] = by_Q[k][i][j] + square * l;
                value += 0.5 * square * l * l;
            }
        }
    }
    for (int k = 0; k < K; k++) g.alpha[k] -= POINTS * shares[k]; /* by q, it was needed without */
    return value;
}

int main(int argc, char **argv) {
    double *numbers = read_numbers(argv[1]);
    long steps = atol(argv[2]);
    constant = numbers[0], prior_gamma = numbers[1], prior_m = numbers[2];
    memcpy(&w, numbers + 3, sizeof w);
    const double (*points)[D] = (void *)(numbers + 3 + SIZE);
    double (*volatile call)(const double (*)[D]) = value_and_gradient;
    double start = seconds();
    for (long step = 0; step < steps; step++) call(points);
    double each = (seconds() - start) / (steps ? steps : 1), value = call(points);
    print_numbers(&each, 1);
    print_numbers(&value, 1);
    print_numbers((double *)&g, SIZE);
}
