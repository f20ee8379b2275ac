// Its options are many and checked where they are used: by the charts that are drawn.
declare const uPlot: any;
export default uPlot;
